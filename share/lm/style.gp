# What the pictures of plot.sh and scaling.sh have in common; gnuplot loads it after the terminal is set.
set encoding utf8
set border 3 linewidth 0.8 linecolor rgb "#444444"
set tics nomirror out scale 0.5 textcolor rgb "#444444"
set grid linecolor rgb "#e4e4e4" linewidth 0.6 linetype 1
set key textcolor rgb "#222222" samplen 2.5 spacing 1.15
# Eight colours that the colour-blind tell apart too (Okabe and Ito 2008, the black last); they come again from the ninth curve on.
array colour[8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#000000"]
do for [i = 1:8] { set linetype i linecolor rgb colour[i] linewidth 1.6 pointtype 7 pointsize 0.45 dashtype solid }
set linetype cycle 8
